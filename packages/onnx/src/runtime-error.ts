/**
 * What ONNX Runtime says when something is wrong, as one sentence: the first line that says something,
 * without the paths and signatures of its sources, beginning with the node and operator it is about.
 */
import { OnnxError, quote } from "./error.ts";

/** Longer messages are cut. */
const MAX_LENGTH = 500;

/**
 * The sentence of an error of ONNX Runtime.
 * @param error what it threw
 */
export function runtimeSentence(error: unknown): string {
  if (error instanceof OnnxError) return error.message;
  const text = error instanceof Error ? error.message : String(error);
  const sentence = rewrite(oneLine(text)).replace(/[\s.]+$/, "");
  if (sentence === "") return "no reason given";
  return sentence.length > MAX_LENGTH ? `${sentence.slice(0, MAX_LENGTH - 3)}...` : sentence;
}

/** The first line with content, without colours and control characters. */
function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the messages come from a terminal's log
  const plain = text.replace(/\u001b\[[\d;]*m/g, "").replace(/[\u0000-\u0009\u000b-\u001f]/g, " ");
  return plain.split("\n").find((line) => line.trim() !== "") ?? "";
}

/** Takes one layer of wrapping after the other off a message. */
function rewrite(line: string): string {
  const text = line.trim();
  for (const [pattern, replace] of layers) {
    const match = pattern.exec(text);
    if (match !== null) return replace(match);
  }
  return text;
}

const layers: readonly [RegExp, (match: RegExpExecArray) => string][] = [
  // What onnxruntime-common and the browser put in front.
  [/^no available backend found\. ERR: \[\w+\] (.*)$/, (m) => rewrite(m[1])],
  [/^(?:.*?\. )?ERROR_CODE: \d+, ERROR_MESSAGE: (.*)$/, (m) => rewrite(m[1])],
  [/^\[ONNXRuntimeError\] : \d+ : \w+ : (.*)$/, (m) => rewrite(m[1])],
  [/^(?:Error|RuntimeError): (.+)$/, (m) => rewrite(m[1])],
  [/^Load model(?: from .*?)? failed: ?(.+)$/, (m) => rewrite(m[1])],
  [/^Exception during initialization: (.+)$/, (m) => rewrite(m[1])],
  [
    /^Non-zero status code returned while running (\S+) node\. Name:'(.*?)' Status Message: (.*)$/,
    // The innermost node of nested graphs is the one that failed.
    (m) => {
      const rest = rewrite(m[3]);
      return /^node "/.test(rest) ? rest : `node ${quote(m[2])} (${m[1]}): ${rest}`;
    },
  ],
  [
    /^Could not find an implementation for (\w+)\((\d+)\) node with name '(.*)'/,
    (m) =>
      `node ${quote(m[3])} (${m[1]}, version ${m[2]}): there is no implementation for its element types`,
  ],
  [
    /^This is an invalid model\. In Node, \("(.*?)", (\S+), .*?\) : .*?, Error (.*)$/,
    (m) => `node ${quote(m[1])} (${m[2]}): ${rewrite(m[3])}`,
  ],
  // file:line function message
  [/^[^\s/\\]+\.(?:cc|cpp|h|cu|mm):\d+ \S+ (.*)$/, (m) => rewrite(m[1])],
  // path:line signature condition was false. message
  [/^\S+\.(?:cc|cpp|h|cu|mm):\d+ (.*)$/, (m) => rewrite(afterSignature(m[1]))],
];

/** What follows the signature of a C++ function, and the condition that did not hold. */
function afterSignature(text: string): string {
  const failed = / was false\. ?(.*)$/.exec(text);
  if (failed !== null && failed[1].trim() !== "") return failed[1];
  // A signature is over when the brackets of its parameters are closed and no qualifier follows.
  let depth = 0;
  let end = 0;
  let parameters = false;
  for (let i = 0; i < text.length; i++) {
    if ("(<[".includes(text[i])) depth++;
    else if (")>]".includes(text[i]) && depth > 0 && --depth === 0) {
      end = i + 1;
      parameters ||= text[i] === ")";
      if (parameters && !/^(?: const\b| noexcept\b|::| \[with )/.test(text.slice(end))) break;
    }
  }
  return text.slice(end).replace(/^(?: const| noexcept)+/, "");
}

/**
 * The study of similarity beside the same work in Python (PyTorch pools and reconstructs, SciPy filters as
 * scikit-image does; two processes, cached statistics of the originals), where that is installed. Both get the
 * same pictures, compute the same measures and run in fresh processes, one after the other, in an order that
 * is reversed every round.
 */
import { spawn, spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KEEP_MEMORY } from "./pytorch.js";
import { busyness } from "./rivals.js";
import { makePictures } from "./similarity-pictures.js";
import { readProfiles } from "./similarity-profile.js";
import { median, thousandths } from "./stats.js";

const COMMAND = fileURLToPath(new URL("../packages/lab/bin/softpool.js", import.meta.url));
const SCRIPT = fileURLToPath(new URL("./similarity.py", import.meta.url));
const PYTHONS = ["python3", "/usr/bin/python3", "python"];
const METHODS = "soft,average,maximum,sum,power-average,stochastic,s3";
const KERNELS = "2,3,5";
const PROTOCOLS = "nearest,bilinear";
/** Times as fast as Python. */
const TARGET = 3;
/** Pixels of a side: a megapixel. */
const SIDE = 1000;

/**
 * What was measured.
 * @typedef {object} Similarity
 * @property {number} pictures how many
 * @property {Record<string, string>} versions of Python's libraries; empty without Python
 * @property {number[]} busy how busy others kept the machine before each round, 0 to 1
 * @property {{ softpool: number, python: number | null }[]} rounds seconds
 * @property {{ ssim: number, psnr: number } | null} difference how far the means are apart
 * @property {{ place: string, share: number }[]} profile where the target was missed, what takes the time
 */

/**
 * What the rounds need.
 * @typedef {object} Plan
 * @property {number} rounds how often
 * @property {number} pictures how many pictures of a megapixel
 * @property {string} folder folder for files
 * @property {(done: number, total: number, text: string) => void} progress receives what was done
 * @property {AbortSignal} signal ends the rounds early
 */

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {string[]} args
 * @param {AbortSignal} signal
 * @returns {Promise<{ text: string, seconds: number }>} what it printed, and how long it took
 */
function output(program, args, signal) {
  const begin = performance.now();
  return new Promise((resolve, reject) => {
    const env = { ...process.env, ...KEEP_MEMORY };
    const child = spawn(program, args, { stdio: ["ignore", "pipe", "ignore"], signal, env });
    let text = "";
    child.stdout.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("exit", (code) => {
      if (code === 0) resolve({ text, seconds: (performance.now() - begin) / 1000 });
      else reject(new Error(`${program} ended with exit code ${code}`));
    });
  });
}

/**
 * Arguments of Node for this project's study.
 * @param {string} pictures
 * @param {string} results
 */
const study = (pictures, results) => [
  ...[COMMAND, "study", "similarity", pictures, "-o", results, "--views", "0", "--json"],
  ...["-m", METHODS, "-k", KERNELS, "-p", PROTOCOLS, "--light", "srgb", "--phase", "inference"],
];

/** The first Python that has what it takes, and versions. */
function findPython() {
  const find = "import torch, scipy, skimage; print(torch.__version__, skimage.__version__)";
  for (const python of PYTHONS) {
    const { status, stdout } = spawnSync(python, ["-c", find], { encoding: "utf8" });
    if (status !== 0) continue;
    const [pytorch, skimage] = stdout.trim().split(" ");
    return { python, versions: { pytorch, "scikit-image": skimage } };
  }
  return null;
}

/**
 * How far the means of both are apart.
 * @param {string} results folder of this project's study
 * @param {{ sums: Record<string, number[]> }[]} halves what Python's processes printed
 */
function distance(results, halves) {
  const { sets } = JSON.parse(readFileSync(join(results, "results.json"), "utf8"));
  const worst = { ssim: 0, psnr: 0 };
  for (const { protocol, means } of sets[0].comparisons) {
    for (const { kernel, method, measures } of means) {
      const parts = halves.map(({ sums }) => sums[`${kernel} ${protocol} ${method}`]);
      const [count, ssim, psnr] = [0, 1, 2].map((i) =>
        parts.reduce((sum, part) => sum + part[i], 0),
      );
      worst.ssim = Math.max(worst.ssim, Math.abs(measures.ssim.mean - ssim / count));
      worst.psnr = Math.max(worst.psnr, Math.abs(measures.psnr.mean - psnr / count));
    }
  }
  return worst;
}

/**
 * Runs all rounds, or as many as there are before `plan.signal`.
 * @param {Plan} plan
 * @returns {Promise<Similarity>}
 */
export async function runSimilarityRounds({ rounds, pictures, folder, progress, signal }) {
  const place = join(folder, "pictures");
  mkdirSync(place);
  const files = await makePictures(place, pictures, SIDE);
  const found = findPython();
  /** @type {Similarity} */
  const result = {
    ...{ pictures, versions: found?.versions ?? {} },
    ...{ busy: [], rounds: [], difference: null, profile: [] },
  };
  const halves = [0, 1].map((half) => files.filter((_, i) => i % 2 === half));
  const python = async () => {
    if (found === null) return null;
    const begin = performance.now();
    const all = await Promise.all(
      halves.map((half) => output(found.python, [SCRIPT, KERNELS, PROTOCOLS, ...half], signal)),
    );
    const seconds = (performance.now() - begin) / 1000;
    return { seconds, sums: all.map(({ text }) => JSON.parse(text)) };
  };
  for (let round = 0; round < rounds && !signal.aborted; round++) {
    const results = join(folder, `results-${round}`);
    const softpool = () => output(process.execPath, study(place, results), signal);
    try {
      const busy = await busyness();
      let theirs = round % 2 === 0 ? null : await python();
      const ours = await softpool();
      if (round % 2 === 0) theirs = await python();
      result.busy.push(thousandths(busy));
      result.rounds.push({
        softpool: thousandths(ours.seconds),
        python: theirs && thousandths(theirs.seconds),
      });
      if (theirs !== null) result.difference = distance(results, theirs.sums);
      const beside = theirs ? `, Python ${theirs.seconds.toFixed(1)} s` : "";
      progress(round + 1, rounds, `similarity: ${ours.seconds.toFixed(1)} s${beside}`);
    } catch (error) {
      if (!signal.aborted) throw error;
    }
  }
  const ratio = similarityRatio(result);
  if (!signal.aborted && ratio !== null && ratio < TARGET) {
    const profiles = join(folder, "profiles");
    const watched = ["--cpu-prof", "--cpu-prof-dir", profiles];
    await output(process.execPath, [...watched, ...study(place, join(folder, "watched"))], signal);
    result.profile = readProfiles(profiles);
  }
  return result;
}

/**
 * How many times as fast as Python: the middle of the rounds' ratios.
 * @param {Similarity} result
 * @returns {number | null} `null` without Python
 */
export function similarityRatio({ rounds }) {
  const ratios = ratiosOf(rounds);
  return ratios.length === 0 ? null : median(ratios);
}

/** @param {Similarity["rounds"]} rounds */
const ratiosOf = (rounds) =>
  rounds.flatMap(({ softpool, python }) => (python === null ? [] : [python / softpool]));

/**
 * The part of the report.
 * @param {Similarity} result
 * @returns {string}
 */
export function similarityReport(result) {
  const { pictures, versions, busy, rounds, difference, profile } = result;
  const libraries = Object.entries(versions).map((entry) => entry.join(" "));
  const lines = [
    `Similarity  ${pictures} pictures of ${SIDE} x ${SIDE}, kernels ${KERNELS}, protocols ${PROTOCOLS}, methods`,
    `${METHODS}: softpool study similarity, and the same measures in Python, two processes`,
    libraries.length > 0
      ? `Python with ${libraries.join(", ")}`
      : "missing: no python3 has PyTorch, SciPy and scikit-image: apt install python3-torch python3-skimage on Debian",
    "",
    "round  softpool, s  Python, s  ratio  others",
    ...rounds.map(({ softpool, python }, i) =>
      [
        String(i + 1).padStart(5),
        softpool.toFixed(1).padStart(11),
        (python?.toFixed(1) ?? "-").padStart(9),
        (python === null ? "-" : (python / softpool).toFixed(2)).padStart(5),
        `${Math.round(100 * busy[i])} %`.padStart(6),
      ].join("  "),
    ),
  ];
  const ratio = similarityRatio(result);
  if (ratio !== null) {
    const met = ratio >= TARGET ? "met" : "missed";
    lines.push("", `times as fast as Python: ${ratio.toFixed(2)}, target >= ${TARGET}: ${met}`);
  }
  if (difference !== null) {
    const [ssim, psnr] = [difference.ssim, difference.psnr].map((v) => v.toExponential(1));
    lines.push(`the means differ by ${ssim} in SSIM and ${psnr} dB in PSNR at most`);
  }
  if (profile.length > 0) {
    lines.push("", "Processor time of the study by function, all threads");
    for (const { place, share } of profile) {
      lines.push(`${(100 * share).toFixed(1).padStart(5)} %  ${place}`);
    }
  }
  return `${lines.join("\n")}\n`;
}

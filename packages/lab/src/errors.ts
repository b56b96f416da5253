/** The two kinds of errors a command ends with: one sentence on standard error, no stack trace. */

/** The command was called wrongly: exit code 2. */
export class UsageError extends Error {}

/** The command could not do what was asked: exit code 1. */
export class Failure extends Error {}

/** A system error as a sentence: what was tried, on which path, why it did not work. */
export function explain(action: string, path: string, error: unknown): Failure {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Record<string, string> = {
    ENOENT: "it does not exist",
    ENOTDIR: "a part of the path is a file, not a directory",
    EISDIR: "it is a directory",
    EACCES: "permission is denied",
    EPERM: "permission is denied",
    EROFS: "the file system is read-only",
    ENOSPC: "the disk is full",
    EEXIST: "it exists already",
    EMFILE: "too many files are open",
    ENFILE: "too many files are open",
    EDQUOT: "the space of this user is used up",
    EFBIG: "it is larger than the file system or a limit allows",
    EIO: "the device failed",
    ELOOP: "symbolic links lead in a circle",
    ENAMETOOLONG: "the name is too long",
    ETXTBSY: "it is a program that runs",
    EBUSY: "it is in use",
    ENOMEM: "there is not enough memory",
  };
  const reason = (code !== undefined && reasons[code]) || plain(message);
  return new Failure(`cannot ${action} ${quote(path)}: ${reason}`);
}

/** A path in quotes, with control characters shown harmlessly. */
export function quote(path: string): string {
  return JSON.stringify(path).replace(
    /[\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (c) => {
      return `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
    },
  );
}

/** The first line of a library's message, without a full stop and control characters. */
export function plain(message: string): string {
  const line = message.trim().split("\n")[0] ?? "";
  return line.replace(/\.$/, "").replace(/\p{Cc}/gu, "?");
}

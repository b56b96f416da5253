/** Copies of protobuf messages that share what is inside. */

/** A message with the same fields, unknown ones too; nested messages are shared. */
export function shallow<T extends object>(message: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message) as T;
}

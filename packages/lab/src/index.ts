/** The laboratory's command line; as a library, the function behind it. */
export { main } from "./cli.ts";

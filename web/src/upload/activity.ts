import { makeFlag } from "../ui/flag.ts";

/** Raised by the first file: the shell shows from then on how far uploads are. */
export const anyUpload = makeFlag();

/** ts-age-yk as a library. */
export { version } from "./version.ts"

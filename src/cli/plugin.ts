import { version } from "../version.ts"

process.stdout.write(`age-plugin-yubikey ${version}\n`)

/**
 * Loads the programs with the code that V8 made of them when they were installed (`compile-programs.ts`): compiling it anew at each start
 * would take 20 ms. V8 itself refuses what another version of it made, or what does not belong to the script's length; then, and where
 * there is none, the script is compiled as any other. The name of the script has a hash of its content, and the compiled code has the
 * same name.
 */
import { readFileSync } from "node:fs"
import { dirname, resolve } from "node:path"
import { Script } from "node:vm"
import type * as programs from "./programs.ts"

/** The name of the script, which the build sets. */
declare const PROGRAMS: string

export type Programs = typeof programs

/** Where the script is. */
export const programsFile = resolve(import.meta.dirname, PROGRAMS)
/** Where its compiled code is, if anywhere. */
export const compiledFile = programsFile.replace(/\.cjs$/, ".compiled")

/**
 * The script, as a function of what a CommonJS module is given.
 * @param cachedData - what V8 compiled before, if anything
 */
export function readScript(cachedData: Buffer | undefined): Script {
  return new Script(
    `(function (exports, require, module, __filename, __dirname) {${readFileSync(programsFile, "latin1")}\n})`,
    { filename: programsFile, cachedData },
  )
}

/** Runs the script as Node runs a CommonJS module. @param require - of the module that runs it, in the same folder */
export function runScript(script: Script, require: NodeJS.Require): Programs {
  const module: { exports: unknown } = { exports: {} }
  const wrapped = script.runInThisContext() as (...parts: unknown[]) => void
  wrapped(module.exports, require, module, programsFile, dirname(programsFile))
  return module.exports as Programs
}

export function loadPrograms(require: NodeJS.Require): Programs {
  return runScript(readScript(readCompiled()), require)
}

function readCompiled(): Buffer | undefined {
  try {
    return readFileSync(compiledFile)
  } catch {
    return undefined
  }
}

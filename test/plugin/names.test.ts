import { chmodSync, mkdirSync, symlinkSync } from "node:fs"
import { delimiter, join } from "node:path"
import { afterAll, describe, expect, it } from "vitest"
import { PluginMissing } from "../../src/plugin/failures.ts"
import { findPlugin } from "../../src/plugin/names.ts"
import { programs } from "./toy.ts"

describe("a plugin's program", () => {
  const first = programs()
  const second = programs()
  afterAll(() => {
    first.remove()
    second.remove()
  })
  second.script("age-plugin-here", "#!/bin/sh\n")
  first.script("age-plugin-here", "#!/bin/sh\n")
  chmodSync(join(first.folder, "age-plugin-here"), 0o644)
  mkdirSync(join(first.folder, "age-plugin-folder"))
  symlinkSync(join(second.folder, "age-plugin-here"), join(second.folder, "age-plugin-link"))
  const path = [first.folder, second.folder].join(delimiter)

  it("is the first on PATH that can be run; links count", async () => {
    expect(await findPlugin("here", path)).toBe(join(second.folder, "age-plugin-here"))
    expect(await findPlugin("link", path)).toBe(join(second.folder, "age-plugin-link"))
  })

  it.each(["absent", "folder"])("%s is missing", async (name) => {
    await expect(findPlugin(name, path)).rejects.toThrow(PluginMissing)
  })

  it("is never looked for in the working directory", async () => {
    const back = process.cwd()
    process.chdir(second.folder)
    try {
      for (const folders of ["", ".", delimiter, "./", `${delimiter}.`])
        await expect(findPlugin("here", folders)).rejects.toThrow(PluginMissing)
    } finally {
      process.chdir(back)
    }
  })

  it("has no name with a separator in it", async () => {
    for (const name of ["../x", "a/b", "", "A"]) await expect(findPlugin(name, path)).rejects.toThrow(RangeError)
  })
})

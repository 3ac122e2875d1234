/** The floors of docs/architecture.md, lowest first: a folder imports only from floors below its own. */
const floors = [
  ["pcsc"],
  ["apdu"],
  ["age", "piv"],
  ["yubikey"],
  ["plugin", "keyring"],
  ["sops"],
  ["ceremony", "activation"],
  ["cli"],
]

const rules = floors.flatMap((folders, floor) =>
  folders.map((folder) => {
    const beside = folders.filter((other) => other !== folder)
    const above = floors.slice(floor + 1).flat()
    return {
      name: `floor-${folder}`,
      comment: `src/${folder} stands on floor ${floor} and imports only from floors below it`,
      severity: "error",
      from: { path: `^src/${folder}/` },
      to: { path: `^src/(${[...beside, ...above, "virtual"].join("|")})/` },
    }
  }),
)
/** src/cli is the one place where a reader is chosen, so it alone may know the virtual YubiKey. */
const cli = rules.find((rule) => rule.name === "floor-cli")
cli.to = { path: "^src/nothing-is-above-the-command-line/" }

export default {
  forbidden: [
    ...rules,
    {
      name: "virtual-shares-no-misreading",
      comment:
        "the virtual YubiKey never imports the code that it is there to test; the TLV codec and the two joints of pcsc/ are the exceptions",
      severity: "error",
      from: { path: "^src/virtual/" },
      to: { path: "^src/(?!virtual/|apdu/tlv\\.ts|pcsc/(card-transport|failures)\\.ts|[^/]+\\.ts)" },
    },
    {
      name: "ground-imports-nothing",
      severity: "error",
      from: { path: "^src/(failure|secret|replace-file|quote)\\.ts$" },
      to: { path: "^src/.+/" },
    },
    {
      name: "no-cycles",
      severity: "error",
      from: { path: "^src/" },
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    {
      name: "no-src-to-test",
      severity: "error",
      from: { path: "^src/" },
      to: { path: "^(test|native-test|bench|scripts)/" },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
  },
}

// Connects to the card as another program would, and holds it: node hold-card.mjs exclusive|shared
import pcsclite from "pcsclite"

const context = pcsclite()
context.on("error", () => undefined)
context.on("reader", (reader) => {
  reader.on("error", () => undefined)
  reader.once("status", ({ state }) => {
    // The other reader is empty.
    if ((state & reader.SCARD_STATE_PRESENT) === 0) return
    const mode = process.argv[2] === "shared" ? reader.SCARD_SHARE_SHARED : reader.SCARD_SHARE_EXCLUSIVE
    reader.connect({ share_mode: mode, protocol: reader.SCARD_PROTOCOL_T1 }, (error) => {
      console.log(error ? String(error) : "held")
    })
  })
})
setInterval(() => undefined, 1000)

/** A headless Chromium, spoken to over a pipe in its own protocol: chromedevtools.github.io/devtools-protocol. */
import { type ChildProcess, spawn } from "node:child_process"
import { mkdtempSync, rmSync, writeFileSync } from "node:fs"
import { tmpdir } from "node:os"
import { join } from "node:path"
import { Duplex, type Readable, type Writable } from "node:stream"

type Fields = Readonly<Record<string, unknown>>

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? { ...value } : {}
}

type Message = Readonly<{ method: string; session: string; params: Fields }>

export type Screen = Readonly<{ width: number; height: number; scheme: "light" | "dark" }>
export type AccessibleNode = Readonly<{ role: string; name: string }>

export class Browser {
  readonly folder = mkdtempSync(join(tmpdir(), "ts-age-yk-chromium-"))
  readonly #process: ChildProcess
  readonly #input: Writable
  readonly #waiting = new Map<number, { resolve: (result: Fields) => void; reject: (failure: unknown) => void }>()
  readonly #listeners = new Set<(message: Message) => void>()
  #last = 0

  private constructor() {
    const options = [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--no-first-run",
      "--disable-background-networking",
    ]
    this.#process = spawn(
      "chromium",
      [...options, `--user-data-dir=${join(this.folder, "profile")}`, "--remote-debugging-pipe", "about:blank"],
      // The profile is all that it may write; what it says of missing services is of no interest.
      { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"], env: { ...process.env, HOME: this.folder } },
    )
    const [input, output] = [this.#process.stdio[3], this.#process.stdio[4]]
    if (!(input instanceof Duplex) || !(output instanceof Duplex)) throw new TypeError("there are no pipes")
    this.#input = input
    this.#read(output)
  }

  static async launch(): Promise<Browser> {
    const browser = new Browser()
    await browser.send("Browser.getVersion")
    return browser
  }

  #read(output: Readable): void {
    let rest = ""
    output.setEncoding("utf8")
    output.on("data", (piece: string) => {
      const texts = (rest + piece).split("\0")
      rest = texts.pop() ?? ""
      for (const text of texts) this.#take(fieldsOf(JSON.parse(text)))
    })
    output.on("close", () => {
      for (const { reject } of this.#waiting.values()) reject(new TypeError("chromium went away"))
    })
  }

  #take(message: Fields): void {
    const { id, method, sessionId, params, result, error } = message
    if (typeof id === "number") {
      const waiting = this.#waiting.get(id)
      this.#waiting.delete(id)
      if (error === undefined) waiting?.resolve(fieldsOf(result))
      else waiting?.reject(new TypeError(String(fieldsOf(error)["message"])))
    } else if (typeof method === "string") {
      const session = typeof sessionId === "string" ? sessionId : ""
      for (const listen of this.#listeners) listen({ method, session, params: fieldsOf(params) })
    }
  }

  send(method: string, params: Fields = {}, session?: string): Promise<Fields> {
    const id = ++this.#last
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject })
      this.#input.write(
        `${JSON.stringify({ id, method, params, ...(session === undefined ? {} : { sessionId: session }) })}\0`,
      )
    })
  }

  listen(listener: (message: Message) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Opens a page of its own for some HTML. */
  async open(content: string, screen: Screen): Promise<Page> {
    const path = join(this.folder, "page.html")
    writeFileSync(path, content)
    const { targetId } = await this.send("Target.createTarget", { url: "about:blank" })
    const { sessionId } = await this.send("Target.attachToTarget", { targetId, flatten: true })
    const page = new Page(this, String(sessionId), String(targetId))
    await page.load(`file://${path}`, screen)
    return page
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once("close", resolve))
    await this.send("Browser.close").catch(() => undefined)
    await ended
    rmSync(this.folder, { recursive: true, force: true })
  }
}

export class Page implements AsyncDisposable {
  /** What was asked for besides the page itself. */
  readonly requests: string[] = []
  /** What the browser complains of: violations of the policy, broken markup, errors. */
  readonly complaints: string[] = []
  readonly #browser: Browser
  readonly #session: string
  readonly #target: string

  constructor(browser: Browser, session: string, target: string) {
    this.#browser = browser
    this.#session = session
    this.#target = target
  }

  #send(method: string, params: Fields = {}): Promise<Fields> {
    return this.#browser.send(method, params, this.#session)
  }

  async load(url: string, { width, height, scheme }: Screen): Promise<void> {
    const loaded = new Promise<void>((resolve) => {
      this.#browser.listen(({ method, session, params }) => {
        if (session !== this.#session) return
        if (method === "Page.loadEventFired") resolve()
        if (method === "Log.entryAdded") this.complaints.push(String(fieldsOf(params["entry"])["text"]))
        if (method !== "Network.requestWillBeSent") return
        const asked = String(fieldsOf(params["request"])["url"])
        if (asked !== url) this.requests.push(asked)
      })
    })
    for (const domain of ["Page", "Network", "Log", "Runtime", "Accessibility"]) await this.#send(`${domain}.enable`)
    await this.#send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 })
    await this.#send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] })
    await this.#send("Page.navigate", { url })
    await loaded
  }

  async evaluate(expression: string): Promise<unknown> {
    const { result, exceptionDetails } = await this.#send("Runtime.evaluate", { expression, returnByValue: true })
    if (exceptionDetails !== undefined) throw new TypeError(JSON.stringify(exceptionDetails))
    return fieldsOf(result)["value"]
  }

  async press(key: "Tab"): Promise<void> {
    const event = { key, code: key, windowsVirtualKeyCode: 9 }
    await this.#send("Input.dispatchKeyEvent", { type: "rawKeyDown", ...event })
    await this.#send("Input.dispatchKeyEvent", { type: "keyUp", ...event })
  }

  /** What a screen reader is told, in order. */
  async accessibility(): Promise<AccessibleNode[]> {
    const { nodes } = await this.#send("Accessibility.getFullAXTree")
    if (!Array.isArray(nodes)) throw new TypeError("there is no tree")
    return nodes.map(fieldsOf).flatMap(({ ignored, role, name }) => {
      const text = (value: unknown): string => {
        const told = fieldsOf(value)["value"]
        return typeof told === "string" ? told : ""
      }
      return ignored === true ? [] : [{ role: text(role), name: text(name) }]
    })
  }

  async emulatePrint(): Promise<void> {
    await this.#send("Emulation.setEmulatedMedia", { media: "print" })
  }

  /** `whole`: the page as far as it is long; else what the screen shows. */
  async screenshot(path: string, { whole = true } = {}): Promise<void> {
    const { data } = await this.#send("Page.captureScreenshot", { captureBeyondViewport: whole, format: "png" })
    writeFileSync(path, Buffer.from(String(data), "base64"))
  }

  /** Prints to PDF. @returns how many pages it took */
  async print(path: string | null): Promise<{ pages: number }> {
    const { data } = await this.#send("Page.printToPDF", { preferCSSPageSize: true })
    const pdf = Buffer.from(String(data), "base64")
    if (path !== null) writeFileSync(path, pdf)
    return { pages: pdf.toString("latin1").match(/\/Type\s*\/Page\b/g)?.length ?? 0 }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#browser.send("Target.closeTarget", { targetId: this.#target })
  }
}

/** A person who was told beforehand what to answer, and remembers what was asked. */
import type { Dialogue } from "../src/age/dialogue.ts"

export type ScriptedPerson = Dialogue & Readonly<{ asked: string[]; told: string[] }>

/** @param answers - in turn; null: the person declines. Running out of answers is a mistake of the test. */
export function person(...answers: readonly (string | boolean | null)[]): ScriptedPerson {
  const asked: string[] = []
  const told: string[] = []
  const next = (question: string): string | boolean | null => {
    const answer = answers[asked.length]
    asked.push(question)
    if (answer === undefined) throw new TypeError(`nobody expected to be asked: ${question}`)
    return answer
  }
  const text = (question: string): Promise<string | null> => {
    const answer = next(question)
    if (typeof answer === "boolean") throw new TypeError(`a text was expected for: ${question}`)
    return Promise.resolve(answer)
  }
  return {
    asked,
    told,
    tell(line) {
      told.push(line)
      return Promise.resolve()
    },
    askSecret: text,
    ask: text,
    confirm(question) {
      const answer = next(question)
      if (typeof answer === "string") throw new TypeError(`a choice was expected for: ${question}`)
      return Promise.resolve(answer)
    },
  }
}

/** How a person is reached. The command line gives a terminal, the plugin gives its client, a test gives a script. */
export type Dialogue = {
  /** Tells something that wants no answer, such as which key wants a touch. */
  tell(text: string): Promise<void>
  /** Asks for something that must not be shown (PIN, passphrase). Null: declined, or nobody is there. */
  askSecret(question: string): Promise<string | null>
  /** Asks for something that may be shown. Null: declined, or nobody is there. */
  ask(question: string): Promise<string | null>
  /** Offers one or two answers. True: the first; false: the second; null: declined, or nobody is there. */
  confirm(question: string, yes: string, no?: string): Promise<boolean | null>
}

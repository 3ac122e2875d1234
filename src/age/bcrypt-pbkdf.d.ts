declare module "bcrypt-pbkdf" {
  const bcrypt: {
    /** Fills `key`. @returns 0, or -1 when an argument is out of range */
    pbkdf(
      password: Uint8Array,
      passwordLength: number,
      salt: Uint8Array,
      saltLength: number,
      key: Uint8Array,
      keyLength: number,
      rounds: number,
    ): number
  }
  export default bcrypt
}

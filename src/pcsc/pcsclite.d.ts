/** Types of the optional module, so that the code checks where it could not be built: `NativeContext` has the part that is used. */
declare module "pcsclite" {
  const establish: () => import("./native.ts").NativeContext
  export default establish
}

declare module "virtual:onnxruntime.wasm.gz" {
  const base64: string;
  export default base64;
}

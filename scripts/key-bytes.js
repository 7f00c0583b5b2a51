/** The bytes that a JWT_SECRET stands for, as src/config/secret_key.rs reads it. */
export function keyBytes(text) {
  const [, form = "text", rest = text] = /^(base64|base64url|hex|text):(.*)$/is.exec(text) ?? [];
  return new Uint8Array(Buffer.from(rest, { hex: "hex", text: "utf8" }[form.toLowerCase()] ?? "base64"));
}

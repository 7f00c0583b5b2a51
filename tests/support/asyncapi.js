// Holds the first frame of a session to docs/asyncapi.yaml.
import { readFileSync } from "node:fs";
import Ajv from "ajv";
import addFormats from "ajv-formats";
import { parse } from "yaml";
import { Departure } from "./openapi.js";

const text = readFileSync(new URL("../../docs/asyncapi.yaml", import.meta.url), "utf8");
let validate;

/** The document as it is written. */
export const document = () => parse(text);

/** Throws a `Departure` when a welcome is none that the document allows. */
export function departsAsWelcome(message) {
  if (validate === undefined) {
    const ajv = new Ajv({ allowUnionTypes: true });
    addFormats(ajv);
    validate = ajv.compile(document().components.schemas.welcome);
  }
  if (validate(message)) return;
  const [{ instancePath, message: what, params }] = validate.errors;
  throw new Departure(`the welcome${instancePath} ${what} ${params.additionalProperty ?? ""} (docs/asyncapi.yaml)`);
}

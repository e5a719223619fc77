/** A field whose sender forbids any hop to index it (RFC 7541 section 6.2.3). A class of its own, so that the wish travels through header maps and filters with the object. */
import { HeaderField } from "../../../headers/field.ts";

export class NeverIndexedField extends HeaderField {}

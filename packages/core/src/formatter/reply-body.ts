/** `%LOCAL_REPLY_BODY%`: the body of the local reply that is being rendered, as a byte string; empty anywhere else. Rendering is synchronous. */
export const replyBody = { text: "" };

/** Follow long-running work on a Milepost server: live, resumable, with nothing missing. */

export { type CallOptions, type ClientOptions, MilepostClient } from "./client.js";
export { MilepostError } from "./error.js";
export { Tree } from "./fold.js";
export type * from "./generated.js";
export type { Token } from "./http.js";
export type { WebSocketConstructor, WebSocketLike } from "./socket.js";
export type * from "./types.js";

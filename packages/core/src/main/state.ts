/** The states of the server as Envoy names them, for `/ready` and `/server_info`. */
export const SERVER_STATES = { LIVE: 0, DRAINING: 1, PRE_INITIALIZING: 2, INITIALIZING: 3 } as const;

export type ServerState = keyof typeof SERVER_STATES;

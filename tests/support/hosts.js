/** Names under which tests ask a gate that says it is in development, and serves this machine alone but for these. */
export const HOSTS = ["gate.example", "app.example.com", "x"];

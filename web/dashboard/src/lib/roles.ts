/** What a role may do; the table of docs/protocol.md, as far as a page can use it. The server has the last word. */

export type Role = "admin" | "operator" | "viewer" | "publisher" | "expert";
export type Right = "read" | "acknowledge" | "command" | "see_clients" | "read_audit";

const RIGHTS: Record<Role, readonly Right[]> = {
  admin: ["read", "acknowledge", "command", "see_clients", "read_audit"],
  operator: ["read", "acknowledge", "command"],
  viewer: ["read"],
  publisher: [],
  expert: [],
};

export function may(role: string | null | undefined, right: Right): boolean {
  return role != null && role in RIGHTS && RIGHTS[role as Role].includes(right);
}

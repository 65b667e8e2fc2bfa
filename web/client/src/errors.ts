/**
 * Everything that the client refuses or is refused. `code` is one of the server's (`ERROR_CODES`) or of the client's own:
 * `timeout`, `closed`, `config`, `refused`, `version`, `token`, `ticket`, `malformed_message`. `temporary` says that the
 * same may succeed later.
 */
export class FleetwireError extends Error {
  override readonly name = "FleetwireError";

  constructor(
    readonly code: string,
    message: string,
    readonly temporary = false,
  ) {
    super(message);
  }
}

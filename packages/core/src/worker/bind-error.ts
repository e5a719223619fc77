/** What the system says when an address cannot be bound, in words. */

/** What a system error of `bind` and `listen` means, as a clause that follows the address. */
export function explainBindError(error: NodeJS.ErrnoException): string {
  switch (error.code) {
    case "EADDRINUSE":
      return "is in use by another socket (EADDRINUSE)";
    case "EACCES":
      return "may not be bound by this user (EACCES)";
    case "EADDRNOTAVAIL":
      return "is no address of this machine (EADDRNOTAVAIL)";
    default:
      return `cannot be bound: ${error.message}`;
  }
}

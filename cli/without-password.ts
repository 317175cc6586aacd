/** The text with no user and password in the addresses in it; a password may hold an `@`. */
export function withoutPassword(text: string): string {
  return text.replace(/([a-z][\w+.-]*:\/\/)[^/\s]*@/gi, '$1');
}

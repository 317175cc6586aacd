/** What came over the wire breaks the protocol or a limit. `status` is what a client who sent it is told. */
export class BadMessage extends Error {
  override readonly name = 'BadMessage';
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

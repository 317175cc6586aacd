/** A value from outside that breaks the contract. `message` names the field and says what was expected. */
export class ContractError extends Error {
  override readonly name = 'ContractError';
}

/** Why a replica count was changed. `custom`: by a rule of the operator's; `manual`: somebody asked for it. */
export type ScalingCause =
  | 'alert'
  | 'rps'
  | 'capacity'
  | 'cpu'
  | 'queue'
  | 'custom'
  | 'idle'
  | 'schedule'
  | 'minimum'
  | 'wake'
  | 'manual';

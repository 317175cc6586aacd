/** As `grafana/provisioning/datasource.yml` has it. */
export const DATA_SOURCE = { type: 'prometheus', uid: 'faas' };

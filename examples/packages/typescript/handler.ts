import ms from 'ms';

export default async function handle(): Promise<unknown> {
  return { message: `two days are ${ms('2 days')} ms` };
}

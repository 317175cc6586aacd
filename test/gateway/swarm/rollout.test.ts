import { expect } from 'chai';
import type { ListedService } from '../../../gateway/swarm/read-back.ts';
import {
  goodVersion,
  recentDeployment,
  rolloutLabel,
  unprovenVersion,
  withRolloutLabels,
} from '../../../gateway/swarm/rollout.ts';

const MINUTE_MS = 60_000;

describe('what a service tells of its roll-out', () => {
  const template = (version: string) => ({ ContainerSpec: { Image: 'env', Env: [`v=${version}`] } });
  const spec = (version: string, labels: Record<string, string> = {}) => ({
    Name: 'env',
    Labels: labels,
    TaskTemplate: template(version),
  });
  const mark = (id: string, agoMs = 0): Record<string, string> =>
    rolloutLabel(id, new Date(Date.now() - agoMs));
  const service = (changes: object): ListedService => changes as ListedService;
  const second = (labels: Record<string, string> = mark('d2'), State?: string): ListedService =>
    service({ Spec: spec('2', labels), PreviousSpec: spec('1', mark('d1')), UpdateStatus: { State } });

  it('is recent by the clock of another gateway too, but not for ever when that one is wrong', () => {
    expect(recentDeployment(second(mark('d2', -MINUTE_MS)), Date.now())?.id).to.equal('d2');
    expect(recentDeployment(second(mark('d2', -60 * MINUTE_MS)), Date.now())).to.equal(undefined);
    expect(recentDeployment(second(mark('d2', 11 * MINUTE_MS)), Date.now())).to.equal(undefined);
    for (const text of ['', '7', 'null', '{', '{"id":1}', '{"id":"d2","at":"yesterday"}'])
      expect(recentDeployment(second({ 'skep.rollout': text }), Date.now()), text).to.equal(undefined);
  });

  it('says when Swarm has stopped it', () => {
    expect(recentDeployment(second(mark('d2'), 'updating'), Date.now())?.isStopped).to.equal(undefined);
    expect(recentDeployment(second(mark('d2'), 'paused'), Date.now())?.isStopped).to.equal(true);
  });

  it('goes back to the version that Swarm keeps where a label of its own is nonsense', () => {
    for (const text of [
      '7',
      '[]',
      '{}',
      '{"TaskTemplate":7}',
      '{"TaskTemplate":{}}',
      '{"TaskTemplate":null}',
    ])
      expect(
        goodVersion(second({ ...mark('d2'), 'skep.last-good': text }))?.TaskTemplate,
        text,
      ).to.deep.equal(template('1'));
    const kept = withRolloutLabels(mark('d2'), { back: { Labels: {}, TaskTemplate: template('0') } });
    expect(goodVersion(second(kept))?.TaskTemplate).to.deep.equal(template('0'));
  });

  it('is open until the very deployment that the service has is known to have answered', () => {
    const backOf = (provenId: string) => unprovenVersion(second(), { provenId })?.back.TaskTemplate;
    expect(backOf('')).to.deep.equal(template('1'));
    expect(backOf('d1')).to.deep.equal(template('1'));
    expect(unprovenVersion(second(), { provenId: 'd2' })).to.equal(undefined);
  });

  it('is open as long as Swarm says so where nobody looked, or the deployment was long ago', () => {
    const old = mark('d2', 20 * MINUTE_MS);
    expect(unprovenVersion(second(mark('d2'), 'updating'), undefined)).to.not.equal(undefined);
    expect(unprovenVersion(second(mark('d2'), 'completed'), undefined)).to.equal(undefined);
    expect(unprovenVersion(second(old, 'updating'), { provenId: '' })).to.not.equal(undefined);
    expect(unprovenVersion(second(old, 'completed'), { provenId: '' })).to.equal(undefined);
    expect(unprovenVersion(second(mark('d2'), 'rollback_completed'), { provenId: '' })).to.equal(undefined);
  });
});

import { readFileSync } from 'node:fs';
import { expect } from 'chai';
import { byChance, evenly } from '../../bench/support/simulator/arrivals.ts';
import { CALLS_PER_REPLICA, figures, RPS } from '../../bench/support/simulator/contest.ts';
import { picture } from '../../bench/support/simulator/picture.ts';
import { ALERTING, byAlert, byTarget } from '../../bench/support/simulator/scalers.ts';
import { NAPS, SHAPES, STEADY, STEP } from '../../bench/support/simulator/shapes.ts';
import { simulate } from '../../bench/support/simulator/simulate.ts';
import { TARGET_RULES } from '../../gateway/scaling/target-scaler.ts';

describe("the scalers' simulator", () => {
  it('gives the same figures for the same rules, and others for others', () => {
    const scaler = (removeBeyond: number) =>
      byTarget('rps', {
        labels: RPS,
        rules: { ...TARGET_RULES, rate: { ...TARGET_RULES.rate, removeBeyond } },
      });
    const shape = { ...STEADY, seconds: 1200 };
    const [one, same, other] = [8, 8, 0].map((band) => simulate({ shape, scaler: scaler(band) }));
    expect(one).to.deep.equal(same);
    expect(one?.replicaSeconds).not.to.equal(other?.replicaSeconds);
  });

  it('takes an alert through scrape, evaluation and group', () => {
    const { reactionS, moments } = simulate({
      shape: { ...STEP, perSecond: (atS) => (atS >= 61.3 && atS < 200 ? 150 : 0) },
      scaler: byAlert('alert'),
    });
    expect(reactionS).to.be.within(3, 20);
    expect(moments.map(({ ready }) => ready)).to.deep.equal([1, 5, 9, 13, 17, 20, 1, 1]);
  });

  it("models the stack's own Prometheus and Alertmanager", () => {
    const read = (file: string): string =>
      readFileSync(new URL(`../../prometheus/${file}`, import.meta.url), 'utf8');
    const prometheus = read('prometheus.yml');
    const alertmanager = read('alertmanager.yml');
    const [rules = '', rule = ''] = read('alert.rules.yml').split('- alert: APIHighInvocationRate');
    const seconds = (text: string, key: string): number =>
      Number(new RegExp(`${key}: (\\d+)s`).exec(text)?.[1]) * 1000;
    expect({
      scrapeMs: seconds(prometheus, 'scrape_interval'),
      evaluateMs: seconds(rules, ' interval'),
      windowMs: Number(/\[(\d+)s\]/.exec(rule)?.[1]) * 1000,
      keepFiringMs: seconds(rule, 'keep_firing_for'),
      groupWaitMs: seconds(alertmanager, 'group_wait'),
      groupIntervalMs: seconds(alertmanager, 'group_interval'),
      repeatMs: seconds(alertmanager, 'repeat_interval'),
    }).to.deep.equal(ALERTING);
  });

  it('asks a target at once, and takes fewer replicas than alerts for the same step', () => {
    const byRate = simulate({ shape: STEP, scaler: byTarget('rps', { labels: RPS }) });
    const byAlerts = simulate({ shape: STEP, scaler: byAlert('alert') });
    expect(byRate.reactionS).to.be.at.most(2);
    expect(byRate.replicaSeconds).to.be.below(byAlerts.replicaSeconds);
    expect(byRate.over).to.be.below(byAlerts.over);
  });

  it('wakes what sleeps with its first call', () => {
    const labels = { ...RPS, zero: 'true', 'zero-duration': '2m' };
    const { moments, calls, over } = simulate({ shape: NAPS, scaler: byTarget('zero', { labels }) });
    // The last moment is the end.
    expect(moments.slice(0, -1).filter(({ ready }) => ready === 0).length).to.equal(3);
    expect(over).to.be.within(1, calls);
  });

  it('has as many calls as a shape asks for, evenly and by chance', () => {
    for (const arrivals of [evenly(), byChance(7)]) {
      let calls = 0;
      for (let step = 0; step < 36_000; step++) calls += arrivals(25, 0.1);
      expect(calls).to.be.closeTo(90_000, 1500);
    }
  });

  it('draws every shape as a picture that a browser reads', () => {
    for (const shape of SHAPES) {
      const short = { ...shape, seconds: Math.min(shape.seconds, 300) };
      const run = simulate({ shape: short, scaler: byTarget('<rps> & "more"', { labels: RPS }) });
      const svg = picture({ shape: short, runs: [run], perReplica: CALLS_PER_REPLICA });
      expect(svg).to.match(
        /^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 720 240"[\s\S]*<\/svg>\n$/,
      );
      expect(svg).not.to.match(/NaN|undefined|Infinity|<rps>/);
      expect(figures([run]).split('\n').length).to.equal(4);
    }
  });
});

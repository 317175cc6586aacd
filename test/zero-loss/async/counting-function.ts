// A program: a function that tells the ledger of each run before it does anything, and again before it answers. It answers with what it was
// given, so that it can stand anywhere in a chain. Nothing is imported: it also runs alone in an image.

const { port = '3000', ledger = '' } = process.env;

Bun.serve({
  hostname: '0.0.0.0',
  port: Number(port),
  maxRequestBodySize: 64 * 1024 * 1024,
  async fetch(request) {
    const { pathname } = new URL(request.url);
    if (pathname === '/_/health') return new Response('OK');
    const body = await request.text();
    const [token = '', size] = body.slice(0, 200).split(' ');
    const told = {
      run: crypto.randomUUID(),
      token,
      isWhole: body.length === Number(size),
      function: request.headers.get('x-skep-function') ?? '',
      callId: request.headers.get('x-call-id') ?? '',
    };
    await tell('begin', told);
    const [, what, value] = /^\/(slow|status)\/(\d+)$/.exec(pathname) ?? [];
    await Bun.sleep(what === 'slow' ? Number(value) : 0);
    await tell('end', told);
    return new Response(body, { status: what === 'status' ? Number(value) : 200 });
  },
});

async function tell(moment: string, told: object): Promise<void> {
  const { ok, status } = await fetch(`${ledger}/${moment}`, { method: 'POST', body: JSON.stringify(told) });
  if (!ok) throw new Error(`the ledger answers ${status}`);
}

// What a gateway of OpenFaaS asks its provider: which functions there are. One, called echo.

const echo = {
  name: 'echo',
  namespace: 'openfaas-fn',
  image: 'echo',
  replicas: 1,
  availableReplicas: 1,
  labels: {},
  annotations: {},
};
Bun.serve({
  hostname: '127.0.0.1',
  port: Number(process.env['port']),
  fetch: (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/system/functions') return Response.json([echo]);
    if (pathname === '/system/function/echo') return Response.json(echo);
    if (pathname === '/system/namespaces') return Response.json(['openfaas-fn']);
    return new Response('', { status: 404 });
  },
});

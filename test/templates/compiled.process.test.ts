import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { run } from '../support/cli.ts';
import { startWatchdog, stopWatchdogs, type Watchdog } from '../watchdog/start-watchdog.ts';

const TEMPLATES = join(import.meta.dirname, '../../templates');

interface Language {
  readonly lang: string;
  readonly needs: readonly string[];
  readonly build: readonly string[];
  readonly fprocess: string;
  readonly handlerFile: string;
  /** /panics fails; /slow answers "slow" after 700 ms; /teapot is 418 with two cookies; the rest gives back method, path, query and body. */
  readonly handler: string;
}

const GO = `package function

import ("fmt"; "io"; "net/http"; "time")

func Handle(w http.ResponseWriter, r *http.Request) {
	switch r.URL.Path {
	case "/panics":
		panic("a secret detail")
	case "/begins":
		w.Write([]byte("half"))
		http.NewResponseController(w).Flush()
		panic("a secret detail")
	case "/slow":
		time.Sleep(700 * time.Millisecond)
		io.WriteString(w, "slow")
	case "/echo":
		io.Copy(w, r.Body)
	case "/begins-to-read":
		r.Body.Read(make([]byte, 1))
		io.WriteString(w, "not read")
	case "/ignores":
		io.WriteString(w, "not read")
	case "/teapot":
		w.Header().Add("Set-Cookie", "a=1")
		w.Header().Add("Set-Cookie", "b=2")
		w.WriteHeader(418)
	default:
		body, _ := io.ReadAll(r.Body)
		fmt.Fprintf(w, "%s %s %s %s", r.Method, r.URL.Path, r.URL.Query().Get("q"), body)
	}
}
`;
const RUST = `use axum::{extract::Request, body::{to_bytes, Body}, http::StatusCode, response::{AppendHeaders, IntoResponse, Response}};
use std::time::Duration;

pub async fn handle(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match parts.uri.path() {
        "/panics" => panic!("a secret detail"),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            "slow".into_response()
        }
        "/echo" => Body::from_stream(body.into_data_stream()).into_response(),
        "/ignores" | "/begins-to-read" => "not read".into_response(),
        "/teapot" => (StatusCode::IM_A_TEAPOT, AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")])).into_response(),
        path => {
            let query = parts.uri.query().unwrap_or("").trim_start_matches("q=").replace("%20", " ");
            let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
            format!("{} {} {} {}", parts.method, path.replace("%20", " "), query, body).into_response()
        }
    }
}
`;
// It has a supertype of a package, which whoever calls it is compiled with.
const JAVA = `package function;

public class Handler implements com.google.gson.InstanceCreator<String> {
    public String createInstance(java.lang.reflect.Type type) { return ""; }

    private static final java.util.List<java.io.InputStream> LEAKED = new java.util.ArrayList<>();

    private static Response leak() {
        try {
            while (true) LEAKED.add(new java.io.FileInputStream("java.args"));
        } catch (java.io.IOException noMore) {
            return Response.text("leaked");
        }
    }

    public Response handle(Request request) throws Exception {
        switch (request.path()) {
            case "/panics": throw new IllegalStateException("a secret detail");
            case "/leaks": return leak();
            case "/nothing": return null;
            case "/bodyless": return new Response(200, java.util.Map.of(), null);
            case "/evil": return Response.text("x").withHeader("X-A", "b\\r\\nX-Evil: c");
            case "/interrupts": Thread.currentThread().interrupt(); return Response.text("served");
            case "/framed": return Response.text("whole").withHeader("Content-Length", "1").withHeader("Transfer-Encoding", "chunked");
            case "/slow": Thread.sleep(700); return Response.text("slow");
            case "/echo": return Response.of("application/octet-stream", request.body());
            case "/ignores": case "/begins-to-read": return Response.text("not read");
            case "/teapot": return Response.text("").withStatus(418).withHeader("Set-Cookie", "a=1", "b=2");
            default: return Response.text(request.method() + " " + request.path() + " " + String.join(",", request.query().getOrDefault("q", java.util.List.of())) + " " + request.text());
        }
    }
}
`;

const LANGUAGES: readonly Language[] = [
  { lang: 'go', needs: ['go'], build: ['sh', 'build.sh'], fprocess: './handler', handlerFile: 'handler.go', handler: GO },
  { lang: 'rust', needs: ['cargo', 'cc'], build: ['sh', 'build.sh', 'dev'], fprocess: './handler', handlerFile: 'src/lib.rs', handler: RUST },
  { lang: 'java', needs: ['java', 'javac', 'mvn'], build: ['sh', 'build.sh', 'compile'], fprocess: 'java @java.args', handlerFile: 'src/main/java/function/Handler.java', handler: JAVA },
]; // biome-ignore format: a table

for (const { lang, needs, build, fprocess, handlerFile, handler } of LANGUAGES) {
  describe(`a server that the template ${lang} makes of its handler`, function () {
    this.timeout(300_000); // its packages are compiled
    let folder: string | undefined;
    let watchdog: Watchdog;
    const [command = '', ...args] = build;

    before(async function () {
      const missing = needs.filter((program) => Bun.which(program) === null);
      if (missing.length > 0) {
        console.log(`      needs ${missing.join(', ')} on the PATH`);
        this.skip();
      }
      folder = mkdtempSync(join(tmpdir(), 'skep-compiled-'));
      cpSync(join(TEMPLATES, lang), folder, { recursive: true });
      writeFileSync(join(folder, 'function', handlerFile), handler);
      const built = await run(command, args, { folder, stdin: '' });
      expect(built.exitCode, built.stdout + built.stderr).to.equal(0);
    });
    const start = (program: string): Promise<Watchdog> =>
      startWatchdog(
        {
          mode: 'http',
          fprocess: program,
          upstream_url: 'http://127.0.0.1:0',
          healthcheck_interval: '3s',
          HOME: process.env['HOME'] ?? '/',
        },
        { cwd: folder ?? '.' },
      );
    beforeEach(async () => {
      watchdog = await start(fprocess);
    });
    afterEach(() => stopWatchdogs());
    after(() => {
      if (folder !== undefined) rmSync(folder, { recursive: true, force: true });
    });

    const call = (path: string, init: RequestInit = {}): Promise<Response> =>
      fetch(`${watchdog.url}${path}`, init);

    it('gives it method, path, query and body', async () => {
      const response = await call('/a%20b?q=x%20y', { method: 'PUT', body: 'é' });
      expect([response.status, await response.text()]).to.deep.equal([200, 'PUT /a b x y é']);
    });

    it('takes addresses as browsers send them, though some are no URIs', async () => {
      const response = await call('/p|q?q=a|b{c}^`[d]');
      expect(await response.text()).to.equal('GET /p|q a|b{c}^`[d] ');
    });

    it('answers a body of 5 MB, and HEAD without one', async () => {
      const long = await (await call('/', { method: 'POST', body: 'x'.repeat(5e6) })).text();
      expect(long.length).to.equal(5e6 + 'POST /  '.length);
      const head = await call('/', { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([200, '']);
    });

    it('gives back the whole of a body that it passes on while it reads', async () => {
      const piece = new Uint8Array(65_536).fill(120);
      const body = new ReadableStream({
        async start(controller) {
          for (let sent = 0; sent < 64; sent++) {
            controller.enqueue(piece);
            await Bun.sleep(0);
          }
          controller.close();
        },
      });
      const echoed = await (await call('/echo', { method: 'POST', body })).bytes();
      expect(echoed.length).to.equal(64 * 65_536);
    });

    it('answers without reading a body, again and again', async () => {
      for (const path of ['/ignores', '/begins-to-read']) {
        for (const size of [10, 300_000, 2e6, 10]) {
          const response = await call(path, { method: 'POST', body: 'x'.repeat(size) });
          expect([response.status, await response.text()]).to.deep.equal([200, 'not read']);
        }
      }
      // Go resets a connection of which it has left more than 256 KiB after half a second: on a busy machine the answer may not be read by then.
    }).retries(lang === 'go' ? 3 : 0);

    it('sends the status and the repeated headers that it sets', async () => {
      const response = await call('/teapot');
      expect(response.status).to.equal(418);
      expect(response.headers.getSetCookie()).to.deep.equal(['a=1', 'b=2']);
      expect(await response.text()).to.equal('');
    });

    it('answers 500 with one neutral sentence when it fails, says why in the log, and lives on', async () => {
      const response = await call('/panics');
      expect(response.status).to.equal(500);
      expect(await response.text()).to.equal('The function failed; its log says why.\n');
      await watchdog.logged('a secret detail');
      expect((await call('/')).status).to.equal(200);
    });

    it('serves what comes after SIGTERM, and ends without a loss', async () => {
      const slow = call('/slow');
      await call('/');
      watchdog.process.kill('SIGTERM');
      expect(await (await call('/after')).text()).to.contain('/after');
      expect(await (await slow).text()).to.equal('slow');
      expect(await watchdog.exited()).to.equal(0);
    });

    if (lang === 'go') {
      it('breaks an answer off that had begun when it failed: half of it is not taken for the whole', async () => {
        const failed = await call('/begins')
          .then((response) => response.text())
          .catch((error: unknown) => error);
        expect(failed).to.be.instanceOf(Error);
      });
    }

    if (lang === 'java') {
      it('answers 500 where it returns nothing, no body or a header with a line break', async () => {
        for (const path of ['/nothing', '/bodyless']) {
          const response = await call(path);
          expect([response.status, await response.text()], path).to.deep.equal([
            500,
            'The function failed; its log says why.\n',
          ]);
        }
        const evil = await call('/evil');
        expect([evil.status, evil.headers.get('x-evil')]).to.deep.equal([500, null]);
      });

      it('takes calls on a connection whose thread the handler left interrupted', async () => {
        for (let calls = 0; calls < 5; calls++)
          expect(await (await call('/interrupts')).text()).to.equal('served');
      });

      it('ends with the reason where no connection can be taken any more, in place of looking alive', async () => {
        writeFileSync(join(folder ?? '', 'limited.sh'), 'ulimit -n 100\nexec java @java.args\n');
        const limited = await start('sh limited.sh');
        await fetch(limited.url); // loads what it answers with
        expect(await (await fetch(`${limited.url}/leaks`)).text()).to.equal('leaked');
        // They cannot share the connection that there is.
        await Promise.allSettled([1, 2].map(() => fetch(`${limited.url}/slow`)));
        expect(await limited.exited()).to.not.equal(0);
        expect(limited.log()).to.contain('takes no connections any more').and.contain('Too many open files');
      }).timeout(60_000);

      it('is not built with an older HttpCore of its packages than its server needs: the build says what to do', async () => {
        const older = mkdtempSync(join(tmpdir(), 'skep-compiled-'));
        try {
          cpSync(join(TEMPLATES, lang), older, { recursive: true });
          const pom = join(older, 'function/pom.xml');
          const core =
            '<groupId>org.apache.httpcomponents.core5</groupId><artifactId>httpcore5</artifactId><version>5.0.4</version>';
          const text = readFileSync(pom, 'utf8');
          writeFileSync(
            pom,
            text.replace('<dependencies>', `<dependencies><dependency>${core}</dependency>`),
          );
          const built = await run(command, args, { folder: older, stdin: '' });
          expect(built.exitCode).to.not.equal(0);
          expect(built.stdout + built.stderr).to.match(/brings lib\/httpcore5-5\.0\.4\.jar.*take version/);
        } finally {
          rmSync(older, { recursive: true, force: true });
        }
      });

      it('frames the answer itself, whatever headers it sets', async () => {
        const response = await call('/framed');
        expect([response.status, await response.text()]).to.deep.equal([200, 'whole']);
      });
    }
  });
}

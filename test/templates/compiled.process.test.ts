import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
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
const RUST = `use axum::{extract::Request, body::to_bytes, http::StatusCode, response::{AppendHeaders, IntoResponse, Response}};
use std::time::Duration;

pub async fn handle(request: Request) -> Response {
    let (parts, body) = request.into_parts();
    match parts.uri.path() {
        "/panics" => panic!("a secret detail"),
        "/slow" => {
            tokio::time::sleep(Duration::from_millis(700)).await;
            "slow".into_response()
        }
        "/teapot" => (StatusCode::IM_A_TEAPOT, AppendHeaders([("set-cookie", "a=1"), ("set-cookie", "b=2")])).into_response(),
        path => {
            let query = parts.uri.query().unwrap_or("").trim_start_matches("q=").replace("%20", " ");
            let body = String::from_utf8(to_bytes(body, usize::MAX).await.unwrap().to_vec()).unwrap();
            format!("{} {} {} {}", parts.method, path.replace("%20", " "), query, body).into_response()
        }
    }
}
`;
const JAVA = `package function;

public class Handler {
    public Response handle(Request request) throws Exception {
        switch (request.path()) {
            case "/panics": throw new IllegalStateException("a secret detail");
            case "/nothing": return null;
            case "/evil": return Response.text("x").withHeader("X-A", "b\\r\\nX-Evil: c");
            case "/framed": return Response.text("whole").withHeader("Content-Length", "1").withHeader("Transfer-Encoding", "chunked");
            case "/slow": Thread.sleep(700); return Response.text("slow");
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

    before(async function () {
      const missing = needs.filter((program) => Bun.which(program) === null);
      if (missing.length > 0) {
        console.log(`      needs ${missing.join(', ')} on the PATH`);
        this.skip();
      }
      folder = mkdtempSync(join(tmpdir(), 'skep-compiled-'));
      cpSync(join(TEMPLATES, lang), folder, { recursive: true });
      writeFileSync(join(folder, 'function', handlerFile), handler);
      const [command = '', ...args] = build;
      const built = await run(command, args, { folder, stdin: '' });
      expect(built.exitCode, built.stdout + built.stderr).to.equal(0);
    });
    beforeEach(async () => {
      const env = { mode: 'http', fprocess, upstream_url: 'http://127.0.0.1:0', healthcheck_interval: '3s' };
      watchdog = await startWatchdog({ ...env, HOME: process.env['HOME'] ?? '/' }, { cwd: folder ?? '.' });
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

    it('answers a body of 5 MB, and HEAD without one', async () => {
      const long = await (await call('/', { method: 'POST', body: 'x'.repeat(5e6) })).text();
      expect(long.length).to.equal(5e6 + 'POST /  '.length);
      const head = await call('/', { method: 'HEAD' });
      expect([head.status, await head.text()]).to.deep.equal([200, '']);
    });

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
      it('answers 500 where it returns nothing or a header with a line break', async () => {
        expect((await call('/nothing')).status).to.equal(500);
        const evil = await call('/evil');
        expect([evil.status, evil.headers.get('x-evil')]).to.deep.equal([500, null]);
      });

      it('frames the answer itself, whatever headers it sets', async () => {
        const response = await call('/framed');
        expect([response.status, await response.text()]).to.deep.equal([200, 'whole']);
      });
    }
  });
}

import { marked } from 'marked';

/** Markdown in, HTML out. HTML inside the Markdown passes as it is: clean the result before showing a stranger's text. */
export default function handle(event, context) {
  const { body } = event;
  if (typeof body !== 'string' || body.trim() === '') {
    context.status(400).headers({ 'Content-Type': 'text/plain; charset=utf-8' });
    return 'Send Markdown as the body, with Content-Type: text/markdown.\n';
  }
  context.headers({ 'Content-Type': 'text/html; charset=utf-8' });
  return marked.parse(body, { gfm: true });
}

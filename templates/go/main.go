// Serves function/handler.go. The watchdog starts it once (mode=http), says in PORT where to listen, and relays every request to it.
package main

import (
	"bufio"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"runtime/debug"
	"sync/atomic"
	"syscall"

	function "handler/function"
)

func main() {
	log.SetFlags(0) // the watchdog writes the time before each line
	// The watchdog hears of the end, too: it relays until callers have noticed and the last call is answered, then ends this process.
	signal.Notify(make(chan os.Signal, 1), syscall.SIGTERM)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Getenv("PORT"), http.HandlerFunc(serve)))
}

// serve answers 500 with one neutral sentence where the handler panics; why is in the log.
func serve(w http.ResponseWriter, r *http.Request) {
	answer := &watched{ResponseWriter: w}
	if r.Body != http.NoBody {
		answer.body = &watchedBody{ReadCloser: r.Body}
		r.Body = answer.body
	}
	// Else the first byte of the answer ends the body: a handler that answers while it reads would lose the rest, and not notice.
	defer func() {
		reason := recover()
		if reason == nil {
			return
		}
		if err, ok := reason.(error); ok && errors.Is(err, http.ErrAbortHandler) {
			panic(reason)
		}
		log.Printf("panic: %v\n%s", reason, debug.Stack())
		if answer.begun {
			panic(http.ErrAbortHandler) // half an answer must not look like a whole one
		}
		http.Error(w, "The function failed; its log says why.", http.StatusInternalServerError)
	}()
	function.Handle(answer, r)
}

// watched knows whether the answer has begun.
type watched struct {
	http.ResponseWriter
	body  *watchedBody // nil where there is none
	begun bool
}

// begin comes before the first byte of the answer. net/http would end the body there: a handler that answers while it reads would lose the
// rest, and not notice. What such a handler leaves unread nobody reads, so the connection ends with the answer.
func (w *watched) begin() {
	if !w.begun && w.body != nil && w.body.begun.Load() && !w.body.ended.Load() {
		_ = http.NewResponseController(w.ResponseWriter).EnableFullDuplex()
		w.Header().Set("Connection", "close")
	}
	w.begun = true
}

func (w *watched) WriteHeader(status int) {
	if status >= 200 {
		w.begin()
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *watched) Write(piece []byte) (int, error) {
	w.begin()
	return w.ResponseWriter.Write(piece)
}

// Unwrap gives http.ResponseController what the server's own writer can do.
func (w *watched) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// Flush is for handlers that ask for an http.Flusher.
func (w *watched) Flush() {
	w.begin()
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Hijack is for handlers that take the connection over, as WebSocket packages do.
func (w *watched) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	w.begun = true
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// watchedBody knows how far the handler has read it.
type watchedBody struct {
	io.ReadCloser
	begun, ended atomic.Bool
}

func (b *watchedBody) Read(piece []byte) (int, error) {
	b.begun.Store(true)
	count, err := b.ReadCloser.Read(piece)
	if err != nil {
		b.ended.Store(true)
	}
	return count, err
}

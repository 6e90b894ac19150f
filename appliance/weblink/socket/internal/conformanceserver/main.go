// Command conformanceserver is what the published test suites of the Engine.IO
// (revision 4) and Socket.IO (revision 5) protocols can be run against as they
// are. It is for tests only.
//
//	go run ./appliance/weblink/socket/internal/conformanceserver -addr localhost:3000
//
// The suites are docs/engine.io-protocol/v4-test-suite of
// https://github.com/socketio/socket.io and test-suite in the branch fix/waitfor of
// https://github.com/socketio/socket.io-protocol.
package main

import (
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
	"github.com/yizhan-im/yizhan/appliance/weblink/socket/internal/echo"
)

func main() {
	addr := flag.String("addr", "localhost:3000", "where to listen; the suites expect the default")
	flag.Parse()
	logger := slog.New(slog.NewTextHandler(os.Stderr, nil))
	if err := run(*addr, logger); err != nil {
		logger.Error("conformance server", "error", err)
		os.Exit(1)
	}
}

func run(addr string, logger *slog.Logger) error {
	// The numbers are those that the suites check.
	servers := echo.New(logger, engine.Options{
		PingInterval: 300 * time.Millisecond,
		PingTimeout:  200 * time.Millisecond,
		MaxPayload:   1_000_000,
		Origins:      []string{"*"},
	})
	ln, err := net.Listen("tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: servers, ReadHeaderTimeout: 10 * time.Second}
	stop, done := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer done()
	context.AfterFunc(stop, func() {
		_ = servers.Close()
		_ = server.Close()
	})
	logger.Info("listening", "address", ln.Addr())
	if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

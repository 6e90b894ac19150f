package websocket_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/websocket"
)

// asServer makes the test binary a server in a process of its own; its value is
// "tcp" or "tls".
const asServer = "YIZHAN_WEBSOCKET_TEST_SERVER"

const idleConnections = 2000

func TestMain(m *testing.M) {
	if transport := os.Getenv(asServer); transport != "" {
		serveForParent(transport == "tls")
		return
	}
	os.Exit(m.Run())
}

// serveForParent prints its address, then heap and stacks in bytes for each line
// it reads, until its input ends.
func serveForParent(secure bool) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		conn, early, deflate, err := websocket.Upgrade(w, r, websocket.Options{Deflate: true})
		if err == nil {
			go serveIdle(conn, early, deflate)
		}
	}))
	if secure {
		s.StartTLS()
	} else {
		s.Start()
	}
	fmt.Println(s.Listener.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory() // twice: what a finalizer frees goes with the second
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		fmt.Println(m.HeapAlloc, m.StackInuse)
	}
}

// serveIdle echoes with the least that a gateway needs: a Decoder and a byte to
// wait with. Each message has it start again with a small stack.
func serveIdle(conn net.Conn, early []byte, deflate bool) {
	e := &echo{conn: conn, deflate: deflate}
	d := new(websocket.Decoder)
	d.Init(maxMessage, deflate)
	if err := d.Decode(early, e); err != nil {
		conn.Close()
		return
	}
	var wait func()
	wait = func() {
		first := make([]byte, 1)
		if n, err := conn.Read(first); err != nil || d.Decode(first[:n], e) != nil {
			conn.Close()
			return
		}
		go wait()
	}
	go wait()
}

// BenchmarkIdleConnection reports the bytes of live heap and stack that a
// connection costs the server's process after a message was echoed.
func BenchmarkIdleConnection(b *testing.B) {
	for _, transport := range []string{"tcp", "tls"} {
		b.Run(transport, func(b *testing.B) {
			for range b.N {
				measureIdle(b, transport)
			}
		})
	}
}

func measureIdle(b *testing.B, transport string) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), asServer+"="+transport)
	server.Stderr = os.Stderr
	in, err := server.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	out, err := server.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := server.Start(); err != nil {
		b.Fatal(err)
	}
	var clients []net.Conn
	defer func() {
		for _, c := range clients {
			_ = c.Close()
		}
		_ = in.Close()
		_ = server.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	address := lines.Text()
	memory := func() (heap, stack float64) {
		if _, err := io.WriteString(in, "\n"); err != nil || !lines.Scan() {
			b.Fatal("the server is gone: ", err)
		}
		if _, err := fmt.Sscan(lines.Text(), &heap, &stack); err != nil {
			b.Fatal(err)
		}
		return heap, stack
	}
	heap0, stack0 := memory()
	message, want := frame(fin|text, "hello"), websocket.AppendMessage(nil, websocket.OpText, []byte("hello"))
	for range idleConnections {
		c, err := net.Dial("tcp", address)
		if err != nil {
			b.Fatal(err)
		}
		clients = append(clients, c)
		if transport == "tls" {
			c = tls.Client(c, &tls.Config{InsecureSkipVerify: true})
		}
		if _, err := io.WriteString(c, request()); err != nil {
			b.Fatal(err)
		}
		r := bufio.NewReader(c)
		for {
			line, err := r.ReadString('\n')
			if err != nil {
				b.Fatal(err)
			}
			if strings.TrimSpace(line) == "" {
				break
			}
		}
		if _, err := c.Write(message); err != nil {
			b.Fatal(err)
		}
		got := make([]byte, len(want))
		if _, err := io.ReadFull(r, got); err != nil || string(got) != string(want) {
			b.Fatalf("%q, %v", got, err)
		}
	}
	heap, stack := memory()
	b.ReportMetric((heap-heap0)/idleConnections, "heap-B/conn")
	b.ReportMetric((stack-stack0)/idleConnections, "stack-B/conn")
}

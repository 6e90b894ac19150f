package weblink_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink"
)

const idleConnections = 8000

// asServer makes the test binary a gateway in a process of its own.
const asServer = "YIZHAN_WEBLINK_TEST_SERVER"

func TestMain(m *testing.M) {
	if os.Getenv(asServer) != "" {
		if err := serveForParent(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// serveForParent prints the gateway's address, then its memory for each line it
// reads, until its input ends.
func serveForParent() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	h := newHandler()
	h.quiet = true
	s := weblink.NewServer(h, nil, nil, weblink.Options{})
	web := &http.Server{Handler: s}
	go func() { _ = web.Serve(l) }()
	fmt.Println(l.Addr())
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		debug.FreeOSMemory() // twice: what a finalizer frees goes with the second
		debug.FreeOSMemory()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		statm, err := os.ReadFile("/proc/self/statm")
		if err != nil {
			return err
		}
		pages, err := strconv.Atoi(strings.Fields(string(statm))[1])
		if err != nil {
			return err
		}
		fmt.Println(m.HeapAlloc, m.StackInuse, m.Sys-m.HeapReleased, pages*os.Getpagesize(), h.hub.Len())
	}
	err = s.Close()
	_ = web.Close()
	return err
}

// BenchmarkIdleConnection reports what one idle, logged-in WebSocket costs the
// gateway's process: bytes of live heap, of stacks, of all memory that the Go
// runtime holds, and of resident memory.
func BenchmarkIdleConnection(b *testing.B) {
	for range b.N {
		b.StopTimer()
		measureIdle(b, idleConnections)
		b.StartTimer()
	}
}

func measureIdle(b *testing.B, connections int) {
	server := exec.Command(os.Args[0])
	server.Env = append(os.Environ(), asServer+"=1")
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
	defer func() {
		_ = in.Close()
		_ = server.Wait()
	}()
	lines := bufio.NewScanner(out)
	lines.Scan()
	url := "ws://" + lines.Text() + "/socket.io/?EIO=4&transport=websocket"

	before := askMemory(b, in, lines)
	for i := range connections {
		dialRaw(b, url, fmt.Sprint("account-", i))
	}
	// Until all wait on stacks of 2 KiB.
	var after [5]int
	eventually(b, "stacks have shrunk", func() bool {
		after = askMemory(b, in, lines)
		return after[1]-before[1] < connections*2200
	})
	if after[4] != connections {
		b.Fatalf("%d sessions, want %d", after[4], connections)
	}
	for i, unit := range []string{"heap-B/conn", "stack-B/conn", "runtime-B/conn", "resident-B/conn"} {
		b.ReportMetric(float64(after[i]-before[i])/float64(connections), unit)
	}
}

func askMemory(b *testing.B, in io.Writer, lines *bufio.Scanner) (m [5]int) {
	b.Helper()
	if _, err := io.WriteString(in, "\n"); err != nil {
		b.Fatal(err)
	}
	if !lines.Scan() {
		b.Fatal("the server has ended: ", lines.Err())
	}
	if _, err := fmt.Sscan(lines.Text(), &m[0], &m[1], &m[2], &m[3], &m[4]); err != nil {
		b.Fatal(err)
	}
	return m
}

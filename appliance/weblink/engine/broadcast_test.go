package engine_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/yizhan-im/yizhan/appliance/weblink/engine"
)

// Shared frames to everybody, in bursts: every client gets each of them once
// and in order.
func TestABroadcastLosesNothing(t *testing.T) {
	clients, polls, bursts, burst := 1000, 50, 200, 5
	if testing.Short() || raceEnabled {
		clients, bursts = 200, 50
	}
	n := serve(t, newApp(), engine.Options{QueueBytes: 4 << 20})
	messages := bursts * burst
	want := func(i int) string { return fmt.Sprint("4message ", i, strings.Repeat(".", i%300)) }

	var peers []*peer
	var readers sync.WaitGroup
	for i := range clients {
		c, p := n.session(t, i%4 == 0)
		peers = append(peers, p)
		readers.Go(func() {
			for m := range messages {
				op, data, err := c.next()
				if err != nil || op != opText || data != want(m) {
					t.Errorf("message %d is %d %.40q, %v", m, op, data, err)
					return
				}
			}
		})
	}
	for range polls {
		c, p := n.polling(t, true)
		peers = append(peers, p)
		readers.Go(func() { pollAll(t, c, messages, want) })
	}
	for b := range bursts {
		for m := range burst {
			frame := engine.Message([]byte(want(b*burst + m)[1:]), false)
			for _, p := range peers {
				p.Send(frame)
			}
		}
	}
	readers.Wait()
	if cut := n.count(t, "queue_cutoffs_total", ""); cut != 0 {
		t.Errorf("%v sessions were cut off", cut)
	}
}

func pollAll(t *testing.T, c *pollClient, messages int, want func(int) string) {
	for next := 0; next < messages; {
		status, body, _, err := c.n.try(c.secure, "GET", c.query, "")
		if err != nil || status != http.StatusOK {
			t.Errorf("poll: HTTP %d %.100s, %v", status, body, err)
			return
		}
		for packet := range strings.SplitSeq(body, "\x1e") {
			if packet != want(next) {
				t.Errorf("polled %.40q, want message %d", packet, next)
				return
			}
			next++
		}
	}
}

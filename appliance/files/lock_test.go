package files

import (
	"context"
	"testing"
)

// Whoever wants an upload that another request holds interrupts that request, but
// not before its body is being read.
func TestARequestIsInterruptedWhenItsBodyIsRead(t *testing.T) {
	for name, readFirst := range map[string]bool{"read before it is asked": true, "asked before it reads": false} {
		l := newLocker()
		interrupted := make(chan struct{}, 2)
		first, _ := l.NewLock("1-a")
		if err := first.Lock(t.Context(), func() { interrupted <- struct{}{} }); err != nil {
			t.Fatal(err)
		}
		if readFirst {
			l.reading("1-a")
		}
		// One that has given up waiting leaves its wish behind.
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		second, _ := l.NewLock("1-a")
		if err := second.Lock(gone, func() {}); err == nil {
			t.Fatalf("%s: two requests hold one upload", name)
		}
		if !readFirst {
			select {
			case <-interrupted:
				t.Errorf("%s: interrupted without a body", name)
			default:
			}
			l.reading("1-a")
		}
		<-interrupted
		if err := first.Unlock(); err != nil {
			t.Fatal(err)
		}
		l.reading("1-a") // nobody's any more
		third, _ := l.NewLock("1-a")
		if err := third.Lock(t.Context(), func() {}); err != nil {
			t.Errorf("%s: an upload that was let go is not free: %v", name, err)
		}
	}
}

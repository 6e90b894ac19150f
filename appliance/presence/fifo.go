package presence

// fifo is a queue that gives memory back. The zero value is empty.
type fifo[T any] struct {
	items []T
	head  int // items before it have been taken
}

func (f *fifo[T]) len() int { return len(f.items) - f.head }

func (f *fifo[T]) push(v T) { f.items = append(f.items, v) }

// first is the oldest; the queue must not be empty.
func (f *fifo[T]) first() T { return f.items[f.head] }

func (f *fifo[T]) pop() {
	var none T
	f.items[f.head] = none
	f.head++
	switch {
	case f.head == len(f.items):
		f.items, f.head = nil, 0
	case f.head >= 1024 && f.head*2 >= len(f.items):
		f.items, f.head = append([]T(nil), f.items[f.head:]...), 0
	}
}

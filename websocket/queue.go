package websocket

// fifo is a queue; the zero value is empty. What it costs to use does not grow
// with what waits, and it keeps no reference to what has left.
type fifo[T any] struct {
	items []T
	head  int // items[head:] waits
}

// keepCapacity is the capacity that an empty queue keeps once it is trimmed.
const keepCapacity = 16

func (q *fifo[T]) len() int { return len(q.items) - q.head }

// waiting returns what waits, the oldest first. It is valid until the next push.
func (q *fifo[T]) waiting() []T { return q.items[q.head:] }

func (q *fifo[T]) push(item T) {
	// The room of those that have left is used again when it is at least half
	// of all, so that an item is moved once on average.
	if len(q.items) == cap(q.items) && q.head > 0 && q.head >= q.len() {
		n := copy(q.items, q.waiting())
		clear(q.items[n:])
		q.items, q.head = q.items[:n], 0
	}
	q.items = append(q.items, item)
}

// pop removes the oldest item, which there must be, and returns it.
func (q *fifo[T]) pop() T {
	item := q.items[q.head]
	clear(q.items[q.head : q.head+1])
	q.head++
	if q.len() == 0 {
		q.items, q.head = q.items[:0], 0
	}
	return item
}

// cut removes all but the oldest n items.
func (q *fifo[T]) cut(n int) {
	clear(q.waiting()[n:])
	q.items = q.items[:q.head+n]
}

// trim gives back the memory that an empty queue does not need.
func (q *fifo[T]) trim() {
	if q.len() == 0 && cap(q.items) > keepCapacity {
		*q = fifo[T]{}
	}
}

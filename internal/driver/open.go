package driver

import (
	"context"
	"fmt"
	"time"

	"github.com/switchboard-go/switchboard/sender"
)

// WhileOpen returns a context that ends with ctx, and with sender.ErrClosed as its cause when open does, which is the
// driver's. The func frees it.
func WhileOpen(ctx, open context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(open, func() { cancel(sender.ErrClosed) })
	if open.Err() != nil { // for what AfterFunc does takes a moment
		cancel(sender.ErrClosed)
	}
	return ctx, func() {
		stop()
		cancel(context.Canceled)
	}
}

// Because adds the end of ctx to err where that is the reason for it.
func Because(ctx context.Context, err error) error {
	// A dial's deadline is that of ctx, and can be a moment before its end.
	if deadline, ok := ctx.Deadline(); ok && !time.Now().Before(deadline) {
		<-ctx.Done()
	}
	if ctx.Err() != nil {
		return fmt.Errorf("%w: %w", context.Cause(ctx), err)
	}
	return err
}

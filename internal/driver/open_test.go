package driver_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/switchboard-go/switchboard/internal/driver"
	"github.com/switchboard-go/switchboard/sender"
)

func TestWhileOpen(t *testing.T) {
	open, end := context.WithCancel(t.Context())
	outer, cancel := context.WithCancel(t.Context())
	ctx, free := driver.WhileOpen(outer, open)
	defer free()
	cancel()
	if <-ctx.Done(); !errors.Is(context.Cause(ctx), context.Canceled) {
		t.Errorf("with its own context it ended with %v", context.Cause(ctx))
	}
	ctx, free = driver.WhileOpen(t.Context(), open)
	defer free()
	if ctx.Err() != nil {
		t.Error("it ended with nothing")
	}
	end()
	if <-ctx.Done(); !errors.Is(context.Cause(ctx), sender.ErrClosed) {
		t.Errorf("with the driver it ended with %v", context.Cause(ctx))
	}
	if ctx, free = driver.WhileOpen(t.Context(), open); ctx.Err() == nil {
		t.Error("of a closed driver it has not ended")
	}
	free()
}

func TestBecause(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeoutCause(t.Context(), time.Second, errors.New("late"))
		defer cancel()
		if err := driver.Because(ctx, errBroken); err.Error() != "broken" {
			t.Errorf("before the end of the context: %v", err)
		}
		<-ctx.Done()
		if err := driver.Because(ctx, errBroken); err.Error() != "late: broken" || !errors.Is(err, errBroken) {
			t.Errorf("after the end of the context: %v", err)
		}
	})
}

// Command firth turns flags, variables and files into a configuration, the configuration into parts, and runs them. It is the one place that knows all
// packages; nobody imports it. People and service managers call it.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// Exit codes.
const (
	exitOK     = 0
	exitFailed = 1   // the command ran and did not succeed
	exitUsage  = 2   // the command was not understood: flags, arguments or configuration
	exitForced = 130 // a second signal ended the process before it had cleaned up
)

func main() {
	ctx, stop := interruptible()
	code := execute(ctx, os.Args[1:], os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// interruptible ends the context at the first SIGINT or SIGTERM, and the process at the second.
func interruptible() (ctx context.Context, stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals
		fmt.Fprintln(os.Stderr, "firth: stopped by force")
		os.Exit(exitForced)
	}()
	return ctx, func() { signal.Stop(signals); cancel() }
}

// failure is an error of a command that was understood.
type failure struct{ error }

// Unwrap gives the reason to errors.Is.
func (f failure) Unwrap() error { return f.error }

// exitCode tells what went wrong by the error.
func exitCode(err error) int {
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(failure)):
		return exitFailed
	}
	return exitUsage
}

package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	survivors, err := command(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "mutation:", err)
		os.Exit(2)
	}
	if survivors > 0 {
		os.Exit(1)
	}
}

// options are the flags.
type options struct {
	root, pick    string
	count         int
	seed          uint64
	all, list, v  bool
	share, shares int
	patience      int
}

func command(ctx context.Context, args []string, out io.Writer) (survivors int, err error) {
	var o options
	flags := flag.NewFlagSet("mutation", flag.ContinueOnError)
	flags.StringVar(&o.root, "root", ".", "root of the module")
	flags.IntVar(&o.count, "n", 20, "how many mutants to try")
	flags.Uint64Var(&o.seed, "seed", 1, "which sample of them")
	flags.BoolVar(&o.all, "all", false, "try all of them")
	flags.StringVar(&o.pick, "run", "", "only mutants whose file:line function text matches the pattern")
	flags.BoolVar(&o.list, "list", false, "list the mutants and run nothing")
	flags.BoolVar(&o.v, "v", false, "report the killed as well, and who noticed")
	flags.IntVar(&o.share, "share", 0, "with -shares: which share to try, from 0")
	flags.IntVar(&o.shares, "shares", 1, "divide the work among so many runs")
	flags.IntVar(&o.patience, "patience", 10, "a run that takes so many times as long as without a mutant, and 10 s, is one that hangs")
	if err := flags.Parse(args); err != nil {
		return 0, err
	}
	root, err := filepath.Abs(o.root)
	if err != nil {
		return 0, err
	}
	sources, mutants, err := find(filepath.Join(root, "search"))
	if err != nil {
		return 0, err
	}
	known, err := readEquivalents(filepath.Join(root, "internal/mutation/equivalent.tsv"))
	if err != nil {
		return 0, err
	}
	for _, name := range known.stale(mutants) {
		fmt.Fprintf(out, "no such mutant (equivalent.tsv): %s\n", name)
	}
	chosen, err := choose(mutants, o)
	if err != nil {
		return 0, err
	}
	if o.list {
		for _, m := range chosen {
			fmt.Fprintf(out, "%s:%d\t%s\n", m.file, m.line, m.name())
		}
		return 0, nil
	}
	work, err := os.MkdirTemp("", "firth-mutation-")
	if err != nil {
		return 0, err
	}
	defer func() {
		if failed := os.RemoveAll(work); err == nil {
			err = failed
		}
	}()
	t := &trial{root: root, dir: "search", work: work, suites: searchSuites(), patience: o.patience}
	if err := t.build(ctx, sources, mutants); err != nil {
		return 0, err
	}
	return t.report(ctx, out, chosen, known, o.v)
}

// searchSuites are the tests that should notice mistakes in package search, the quick ones first.
func searchSuites() []suite {
	const slow = "^(TestAllValueSets|TestDeclaredModifiers|TestDatesProperty|TestQuantitiesProperty)$"
	return []suite{
		{"search", []string{"-test.run=^TestCorpus$"}},
		{"search", []string{"-test.skip=^TestCorpus$|" + slow}},
		{"internal/acceptance", []string{"-test.run=^TestSearchCorpus$"}},
		{"search", []string{"-test.run=" + slow}},
	}
}

// choose takes the sample: the same seed and count give the same mutants of the same tree.
func choose(mutants []*mutant, o options) ([]*mutant, error) {
	pattern, err := regexp.Compile(o.pick)
	if err != nil {
		return nil, err
	}
	var chosen []*mutant
	for _, m := range mutants {
		if pattern.MatchString(fmt.Sprintf("%s:%d %s %s %s", m.file, m.line, m.function, m.before, m.change)) {
			chosen = append(chosen, m)
		}
	}
	if !o.all && o.pick == "" && o.count < len(chosen) {
		random := rand.New(rand.NewPCG(o.seed, 0))
		random.Shuffle(len(chosen), func(i, j int) { chosen[i], chosen[j] = chosen[j], chosen[i] })
		chosen = chosen[:o.count]
	}
	slices.SortFunc(chosen, func(a, b *mutant) int { return a.id - b.id })
	mine := chosen[:0:0]
	for i, m := range chosen {
		if i%o.shares == o.share {
			mine = append(mine, m)
		}
	}
	return mine, nil
}

// report tries the mutants one after the other.
func (t *trial) report(ctx context.Context, out io.Writer, chosen []*mutant, known equivalents, verbose bool) (survivors int, err error) {
	if killed, note, err := t.kill(ctx, 0); err != nil || killed {
		return 0, fmt.Errorf("the tests fail without a mutant: %s %w", note, err)
	}
	killed, equivalent, dropped := 0, 0, 0
	for _, m := range chosen {
		at := fmt.Sprintf("%s:%d %s: %s -> %s", m.file, m.line, m.function, m.before, m.change)
		switch {
		case t.dropped[m]:
			dropped++
			continue
		case known[m.name()] != "":
			equivalent++
			continue
		}
		noticed, note, err := t.kill(ctx, m.id)
		switch {
		case err != nil:
			return survivors, err
		case !noticed:
			survivors++
			fmt.Fprintf(out, "survived %s\t%s\n", at, m.name())
		default:
			killed++
			if verbose {
				fmt.Fprintf(out, "killed   %s (%s)\n", at, note)
			}
		}
	}
	fmt.Fprintf(out, "%d mutants: %d killed, %d survived, %d equivalent, %d that do not compile", len(chosen), killed, survivors, equivalent, dropped)
	if tried := killed + survivors; tried > 0 {
		fmt.Fprintf(out, "; %.1f %% of those that can be killed were", 100*float64(killed)/float64(tried))
	}
	fmt.Fprintln(out)
	return survivors, nil
}

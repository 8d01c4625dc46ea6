// Package path is FHIRPath (FHIRPath N1 with R4 fhirpath.html): expressions are compiled once and evaluated on resources.
//
// It owns the language: lexer, parser, compiler, the table of functions, system values and their arithmetic. It does not own what a
// reference leads to, what a code means, or how units convert: callers put those into [Env]. Search extraction, validation, patches,
// adapter tests and the command line call it; it imports fhir and fhir/spec.
//
// # How it works
//
// The syntax tree is compiled to closures over a stack of values, which is the buffer that the caller passes to [Expression.EvalInto]. A path
// such as Observation.component.code is one closure that walks the tree of the document and allocates nothing. Items are [Value]s:
// elements, with their definition from fhir/spec and the _name sibling of a primitive, or computed system values. Decimals are exact,
// except for exp(), ln(), log(), sqrt() and power() with a fraction as exponent, which go through binary floating point.
//
// # Limits
//
// Expressions have at most 16 KiB and 200 levels of nesting. An evaluation takes at most [Env.Budget] steps; texts, comparisons of large
// elements and regular expressions cost in proportion, so that a hostile expression ends with [ErrBudget] in a bounded time.
// Regular expressions are RE2: no look-around, no back references.
//
// # Where the specification leaves a choice, or the official tests differ from it
//
//   - A primitive with extensions but no value is an item. Elements that the definitions do not know are invisible, also to descendants().
//   - ofType() and, for search expressions and invariants ([ForSearch], [ForInvariant]), "as" match primitives by their exact type: ofType(string) does not yield codes.
//   - Integers are 64 bits wide. Overflow and division by zero give empty.
//   - = on a DateTime with a zone and one without gives empty, unless no zone could make them equal.
//   - Adding 0.1 's' to a DateTime adds nothing, adding 0.1 seconds does. highBoundary() of a DateTime of an hour stays in minute 00.
//   - resolve() never fetches by itself; see [Env.Resolve].
//
// # Missing
//
// Units convert with [Env.Units] (package fhir/ucum), memberOf() needs [Env.MemberOf], conformsTo() with profiles [Env.ConformsTo]. Known and refused when an
// expression is compiled: subsumes(), subsumedBy(), elementDefinition(), slice(), checkModifiers(), defineVariable(), toLong(),
// convertsToLong(). Comparing strings follows code points, not a locale. Strict checking ([Strict]) does not look at operators.
package path

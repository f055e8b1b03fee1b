"""What the claims about speed are measured with: ``python -m benchmarks``; see docs/performance.md.

Each piece of work is run turn about with its limit, which is the best SQL or plain Python for the
same job, written by hand and sharing no code with the product; what counts is the ratio of the
medians.
"""

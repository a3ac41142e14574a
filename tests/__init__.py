"""The tests. (A package, so that they find each other wherever they run.)"""
